/* SPDX-License-Identifier: GPL-2.0-only */
/* Error numbers as Linux has them on x86: they cross the seams of the hypervisor as -E... */
#ifndef HV_ERRNO_NAMES_H
#define HV_ERRNO_NAMES_H

#ifndef EPERM
enum {
	EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, EAGAIN = 11, ENOMEM = 12,
	EFAULT = 14, EBUSY = 16, EEXIST = 17, ENODEV = 19, EINVAL = 22, ENOSPC = 28, EROFS = 30,
	EOPNOTSUPP = 95,
};
#endif

#endif
