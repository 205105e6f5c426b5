# SPDX-License-Identifier: GPL-2.0-only
# What Kbuild leaves in the directory of a module, for "make clean" where the
# kernel's headers may be gone.
products := *.o *.ko *.mod *.mod.c .*.cmd .*.d .module-common.o \
	    Module.symvers modules.order .tmp_versions
