# SPDX-License-Identifier: MIT
# dmashm. "make help" lists the targets and the variables.

export KDIR ?= /lib/modules/$(shell uname -r)/build
export PREFIX ?= /usr/local
export DESTDIR

.PHONY: all modules user lib tests examples bench install clean help demo \
	demo-camera check check-native check-debug check-nightly lint model \
	bench-barrier bench-memory bench-sync deps

all: modules user

modules:
	+$(MAKE) -C kernel
	+$(MAKE) -C examples/kernel
	+$(MAKE) -C tests/kernel

user: lib tests examples bench

lib:
	+$(MAKE) -C libclient

tests examples bench: lib
	+$(MAKE) -C $@

install: lib
	+$(MAKE) -C libclient install
	+$(MAKE) -C kernel install

clean:
	+$(MAKE) -C libclient clean
	+$(MAKE) -C examples clean
	+$(MAKE) -C tests clean
	+$(MAKE) -C bench clean
	+$(MAKE) -C tests/kernel clean
	+$(MAKE) -C examples/kernel clean
	+$(MAKE) -C kernel clean
	rm -rf build model/build

deps:
	tests/vm/deps

demo demo-camera: deps
	tests/vm/$@

check: deps
	tests/vm/check $(TESTS)

lint check-native check-debug: deps
	tests/vm/$@

check-nightly: deps
	NIGHTLY=1 tests/vm/check
	HARNESS_SECONDS=30 tests/vm/check-native
	NIGHTLY=1 tests/vm/check-debug

model: deps
	tests/vm/build $(or $(KERNEL),trixie) >/dev/null
	tests/vm/compile $(or $(KERNEL),trixie) model/check

bench-barrier bench-memory bench-sync: deps
	bench/run $(@:bench-%=%)

help:
	@echo 'make           the module (for KDIR), the library, the examples, the tests'
	@echo 'make user      all of that but the modules'
	@echo 'make demo      stream a file through a buffer, in a guest: see FILE, NATIVE'
	@echo 'make demo-camera  a camera, an overlay and a display share frames, in a guest'
	@echo 'make check     the whole test suite, in guests: see KERNELS, TESTS'
	@echo 'make lint      what static tools say of all sources; the ABI is as recorded'
	@echo 'make check-native   the barrier as threads, under sanitizers, and by a model checker'
	@echo 'make check-debug    the suite on kernels that look for faults, which it builds:'
	@echo '               see docs/hardening.md; check-nightly: its long forms'
	@echo 'make model     the protocol of the barrier, by a model checker: see model/'
	@echo 'make bench-barrier  what the barrier costs beside its peers, into bench/results/'
	@echo 'make bench-memory   the same of creating, mapping, passing and importing memory'
	@echo 'make bench-sync     the same of synchronising a part of a buffer with a device'
	@echo 'make install   the module for KDIR, the library, the headers: see DESTDIR, PREFIX'
	@echo 'make deps      what demo and check need on this machine, by apt'
	@echo 'make clean     remove what was built here'
	@echo
	@echo 'KDIR=DIR       build directory of the kernel to build for'
	@echo '               ($(KDIR))'
	@echo 'FILE=PATH      demo: the file to stream (a kernel image)'
	@echo 'NATIVE=1       demo: on the running kernel instead of in a guest'
	@echo 'KERNELS=LIST   check: Debian suites to take kernels from (bookworm trixie)'
	@echo 'KERNEL=SUITE   demo, demo-camera, model, bench-*: the same, for one kernel (trixie)'
	@echo 'FRAMES=N       demo-camera: how many to measure (100)'
	@echo 'TESTS=LIST     check: only test programs whose names contain one of these'
	@echo 'KILLS=N        check: how many members test_kill kills (200); for the nightly form:'
	@echo '               make check TESTS=kill KILLS=2000 TEST_TIMEOUT=1200'
	@echo 'UPDATE_ABI=1   lint: record the ABI as it is now, in tests/abi/'
	@echo 'KVM=0|1        do not, or do, use hardware virtualisation (a probe says)'
	@echo 'V=1            show the commands of a build'
	@echo 'DMASHM_CACHE   where the guests'\'' Debian trees are kept (~/.cache/dmashm)'
