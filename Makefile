# SPDX-License-Identifier: MIT
# dmashm. "make help" lists the targets and the variables.

export KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
export PREFIX DESTDIR

.PHONY: all modules user lib tests examples install clean help demo check deps

all: modules user

modules:
	$(MAKE) -C kernel
	$(MAKE) -C examples/kernel
	$(MAKE) -C tests/kernel

user: lib tests examples

lib:
	$(MAKE) -C libclient

tests examples: lib
	$(MAKE) -C $@

install: lib
	$(MAKE) -C libclient install
	@if test -d $(KDIR); then $(MAKE) -C kernel install; \
	else echo "dmashm: no module installed: $(KDIR) does not exist (KDIR=...)" >&2; fi

deps:
	tests/vm/deps

demo:
	tests/vm/deps
	tests/vm/demo

check:
	tests/vm/deps
	tests/vm/check $(TESTS)

clean:
	$(MAKE) -C libclient clean
	$(MAKE) -C examples clean
	$(MAKE) -C tests clean
	$(MAKE) -C tests/kernel clean
	$(MAKE) -C examples/kernel clean
	$(MAKE) -C kernel clean
	rm -rf build
