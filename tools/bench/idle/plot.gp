# SPDX-License-Identifier: GPL-2.0-only
# What a viewer costs while little or nothing moves. Called with two arguments: figures, one column a side, and a PNG.
set terminal pngcairo size 1000,480 font "sans,11"
set output ARG2
set title "Device model's threads with one VNC viewer, thousand instructions a second"
set datafile separator "\t"
set logscale y
set yrange [1:1000000]
set format y "%'.0f"
set grid ytics lc rgb "#dddddd"
set bmargin 4
set xrange [-0.6:3.6]
set border 3
set tics nomirror
set key top left reverse Left
set style data histogram
set style histogram cluster gap 1
set style fill solid 0.9
colours = "#888888 #c8ddf0 #7fb2dd #1f6fb4"
figure(y) = y < 0.05 ? "0" : y < 10 ? sprintf("%.1f", y) : sprintf("%.0f", y)
plot for [i = 2:5] ARG1 using (column(i) > 1 ? column(i) : 1):xtic(1) title columnheader(i) lc rgb word(colours, i - 1), \
     for [i = 2:5] ARG1 using ($0 + (i - 3.5) * 0.2):(column(i) > 1 ? column(i) : 1):(figure(column(i))) \
	every ::1 with labels offset 0,0.6 font ",9" notitle
