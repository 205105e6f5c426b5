# SPDX-License-Identifier: GPL-2.0-only
# For Makefiles of modules that call dmashm.ko, which must have been built
# before, in this directory.
KDIR ?= /lib/modules/$(shell uname -r)/build
W ?= 1
symbols := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))/Module.symvers

include $(dir $(lastword $(MAKEFILE_LIST)))products.mk

.PHONY: all clean

# Kbuild looks at the symbols once, and not again when they have changed.
all:
	$(if $(shell test $(symbols) -nt Module.symvers && echo changed),rm -f Module.symvers)
	$(MAKE) -C $(KDIR) M=$(CURDIR) W=$(W) KBUILD_EXTRA_SYMBOLS=$(symbols) modules

clean:
	rm -rf $(products)
