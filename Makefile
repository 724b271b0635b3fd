# SPDX-License-Identifier: ISC
#
# BlueOx in C.  One Makefile, no recursion: a room is a list of files, a program is a room and what it may link.
#
#   make            build everything into build/
#   make demo       install what is missing, build, show events of real programs
#   make test       install what is missing, build, run every test
#   make check      format, clang-tidy, cppcheck, include layers, exported names, docs
#   make bench      costs and rates, beside those of others, from one run
#   make fuzz       libFuzzer targets, FUZZ_SECONDS each (default 20)
#   make soak       the long forms of the tests, and the models
#   make deb        Debian packages in build/deb; make deb-test installs them in a fresh Debian 12 and tries them (root)
#   make dist       build/blueox-VERSION.tar.gz of this commit
#   make install    DESTDIR=, PREFIX=/usr/local; install-lib: libbx alone
#
# V=1 shows commands.  SAN=address,undefined or SAN=thread builds into a directory of its own.  CC=clang works.

VERSION := 0.1.0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
V ?= 0
SAN ?=
B ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
comma := ,
empty :=
space := $(empty) $(empty)

CC ?= cc
OBJCOPY ?= objcopy
OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined))
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) $(WERROR) -D_GNU_SOURCE -I. -fPIC -pthread $(SANFLAGS) $(CFLAGS)
ALL_CXXFLAGS = -std=c++17 $(OPT) -Wall -Wextra -Wshadow $(WERROR) -D_GNU_SOURCE -I. -fPIC $(SANFLAGS) $(CXXFLAGS)
ALL_LDFLAGS = -pthread $(SANFLAGS) -Wl,-z,relro -fno-lto $(LDFLAGS)
# nodelete: a thread that has emitted calls back into the library when it ends, whoever has unloaded it meanwhile.
SHARED_FLAGS = -shared -Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete
# What is mapped into every program under the shim costs it page faults and look-ups at each start, so these two objects have
# none of the C runtime's start files (nothing here needs them: constructors are called by the loader, and nothing is ever
# unloaded), one mapping for what is only read and run, and no look-up for what libbx calls of itself.
GUEST_FLAGS = $(if $(SAN),-shared,$(SHARED_FLAGS) -nostartfiles -Wl$(comma)-z$(comma)noseparate-code -Wl$(comma)-Bsymbolic-functions)
# Their code runs inside of other people's loops, so it is optimised as a whole, an eighth of the instructions of a query.  The
# objects hold ordinary code besides (fat), which is what everything else that uses them links.  One partition, because of
# what asm says of symbols.  Sanitizers and debuggers get what is written.  Left to itself gcc clears and copies small structs on
# x86 with `rep` instructions, which take as long as fifty others to begin.
GUEST_OPT := $(if $(SAN)$(findstring clang,$(CC))$(filter-out -O2,$(filter -O%,$(OPT))),,-O3 -flto -ffat-lto-objects)
ifeq ($(if $(GUEST_OPT),$(findstring x86_64,$(shell $(CC) -dumpmachine))),x86_64)
small := unrolled_loop:128:noalign$(comma)libcall:-1:noalign
GUEST_OPT += -mmemcpy-strategy=$(small) -mmemset-strategy=$(small)
endif
GUEST_LINK := $(if $(GUEST_OPT),$(GUEST_OPT) -flto-partition=none)
# Any address in the object will do: by it libc knows whose fork handlers are whose.
DSO_HANDLE = $(if $(SAN),,-Wl$(comma)--defsym=__dso_handle=bx_done)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)';)

# ---- rooms -----------------------------------------------------------------------------------------------------------

CORE := $(wildcard libbx/core/*.c)
LIBBX := $(wildcard libbx/*.c)
LIBBX_TCP := $(wildcard libbx/tcp/*.c)
OXRUN := $(wildcard preload/oxrun*.c)
PRELOAD_PARTS := preload/conffile.c preload/settings.c preload/sql.c
PRELOAD := $(filter-out $(OXRUN),$(wildcard preload/*.c)) $(wildcard preload/*.S)
OXD := $(filter-out oxd/oxctl.c oxd/main.c,$(wildcard oxd/*.c))
OXVIEW := $(filter-out oxview/main.c,$(wildcard oxview/*.c))
OXVIEW_CXX := $(wildcard oxview/*.cc)
OXVIEW_ASM := $(wildcard oxview/*.S)
OXVIEW_LATE := $(wildcard oxview/late/*.c)

obj = $(patsubst %,$(B)/obj/%.o,$(1))

# What logread.c, compress.c and filter_regex.c of core need; libbx has none of them.
LOG_LIBS := -lzstd -lz -lbz2 -lpcre2-8
OXD_LIBS := -lzmq -lsystemd $(LOG_LIBS) -lunwind -lmsgpackc -lmicrohttpd -lm
OXCTL_LIBS := -lzmq -lmsgpackc
# oxview itself loads those of the second line late (oxview/late); tests are linked with them.
OXVIEW_OWN_LIBS := $(LOG_LIBS) -lmsgpackc -lm
OXVIEW_LIBS := -lmicrohttpd -lzmq -ldw -lelf -lstdc++ $(OXVIEW_OWN_LIBS)
# The two functions that it needs of libstdc++ cost 2 ms of loading, so they are linked in.
OXVIEW_CXX_LIBS = $(if $(SAN),-lstdc++,-Wl$(comma)-Bstatic -lstdc++ -Wl$(comma)-Bdynamic -static-libgcc)

UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
VICTIMS := $(patsubst tests/victims/%.c,%,$(wildcard tests/victims/*.c)) $(patsubst tests/victims/%.cc,%,$(wildcard tests/victims/*.cc))
BENCHES := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))

PROGRAMS := $(B)/oxd $(B)/oxctl $(B)/oxview $(B)/oxrun
LIBRARIES := $(B)/libbx.so $(B)/libbx.a $(B)/libbx_tcp.so.1 $(B)/libbxtcp.a $(B)/libbx_preload.so $(B)/install/libbx_preload.so

.PHONY: all lib programs test unit e2e abi check demo bench fuzz soak deb deb-test dist install install-lib clean tests-build deps
.DEFAULT_GOAL := all
.SECONDARY:

all: $(LIBRARIES) $(PROGRAMS)

$(B)/obj/%.c.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) $(EXTRA_$(firstword $(subst /, ,$<))) -MMD -MP -c $< -o $@

$(B)/obj/%.S.o: %.S
	@mkdir -p $(@D)
	$(call say,AS,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/obj/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(ALL_CXXFLAGS) -MMD -MP -c $< -o $@

# gcc tests the address of bx_thread for null by the flags of `add bx_thread@gottpoff(%rip),%rax`.  In an executable the
# linker turns that into `lea`, as the ABI wants, which sets no flags: the test then answers at random.  It makes such a test
# only where one of these three checks forbids it to know that an address is not null.  Shared libraries keep the `add`,
# clang makes no such test, and what really is null AddressSanitizer sees.
ifeq ($(findstring undefined,$(SAN))$(findstring clang,$(CC)),undefined)
$(call obj,$(LIBBX)): SANFLAGS += -fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute
endif

# A tail call to dlsym(RTLD_NEXT) makes ld.so look like the caller.
EXTRA_preload := $(GUEST_OPT) -fno-optimize-sibling-calls -fvisibility=hidden
EXTRA_libbx := $(GUEST_OPT)

$(B)/libbxcore.a: $(call obj,$(CORE))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(B)/liboxd.a: $(call obj,$(OXD))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(B)/liboxview.a: $(call obj,$(OXVIEW) $(OXVIEW_CXX) $(OXVIEW_ASM))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# The page of oxview --html, put together and then taken into the program as it is.
REPORT_PAGE := $(B)/report.page
$(REPORT_PAGE): scripts/report-page $(wildcard oxview/report/*)
	$(call say,PAGE,$@)scripts/report-page $@
$(B)/obj/oxview/report_page.S.o: ALL_CFLAGS += -DREPORT_PAGE='"$(REPORT_PAGE)"'
$(B)/obj/oxview/report_page.S.o: $(REPORT_PAGE)

# For our own programs and tests, which use the inside of libbx too.
$(B)/libbxparts.a: $(call obj,$(LIBBX) $(CORE))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# For programs of others: one object, with all of core that it needs, whose only global names are those of the map.  The
# program's own rand_seed() or mp_put() is no business of ours, nor ours of it.
$(B)/libbx.a: $(call obj,$(LIBBX)) $(B)/libbxcore.a libbx/libbx.map
	$(call say,AR,$@)$(CC) -r -nostdlib $(if $(GUEST_OPT),$(GUEST_LINK) -flinker-output=nolto-rel,-fno-lto) -o $(B)/obj/libbx.o $(call obj,$(LIBBX)) $(B)/libbxcore.a
	$(Q)grep -v '^#' libbx/libbx.map | grep -oE '\<bx_[a-z_]+' > $(B)/obj/libbx.names
	$(Q)$(OBJCOPY) --keep-global-symbols=$(B)/obj/libbx.names $(B)/obj/libbx.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/obj/libbx.o

$(B)/libbx.so.1: $(call obj,$(LIBBX)) $(B)/libbxcore.a libbx/libbx.map
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $(GUEST_FLAGS) $(GUEST_LINK) $(DSO_HANDLE) -Wl,-soname,libbx.so.1 -Wl,--version-script=libbx/libbx.map \
		-o $@ $(call obj,$(LIBBX)) $(B)/libbxcore.a
# Opened with dlopen, by libbx, beside which it lies.
$(B)/libbx_tcp.so.1: $(call obj,$(LIBBX_TCP)) $(B)/libbxcore.a libbx/tcp/tcp.map
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $(if $(SAN),-shared,$(SHARED_FLAGS)) -Wl,-soname,libbx_tcp.so.1 -Wl,--version-script=libbx/tcp/tcp.map \
		-o $@ $(call obj,$(LIBBX_TCP)) $(B)/libbxcore.a -lzstd
$(B)/libbxtcp.a: $(call obj,$(LIBBX_TCP))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# What of the shim is no wrapper, for oxrun and for unit tests.
$(B)/libbxshim.a: $(call obj,$(PRELOAD_PARTS))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(B)/libbx.so: $(B)/libbx.so.1
	$(Q)ln -sf libbx.so.1 $@

preload_link = $(CC) $(ALL_LDFLAGS) $(GUEST_FLAGS) $(GUEST_LINK) -Wl,--version-script=preload/preload.map $(1) -o $@ \
	$(call obj,$(PRELOAD)) -L$(B) -l:libbx.so.1 $(B)/libbxcore.a -Wl,--exclude-libs,ALL
$(B)/libbx_preload.so: $(call obj,$(PRELOAD)) $(B)/libbx.so.1 $(B)/libbxcore.a preload/preload.map
	$(call say,LD,$@)$(call preload_link,-Wl$(comma)-rpath$(comma)'$$ORIGIN')
# What is installed has no RUNPATH: libbx.so.1 is then found as any library is.
$(B)/install/libbx_preload.so: $(call obj,$(PRELOAD)) $(B)/libbx.so.1 $(B)/libbxcore.a preload/preload.map
	@mkdir -p $(@D)
	$(call say,LD,$@)$(call preload_link,)

$(B)/oxd: $(call obj,oxd/main.c) $(B)/liboxd.a $(B)/libbxcore.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(OXD_LIBS)
$(B)/oxctl: $(call obj,oxd/oxctl.c) $(B)/liboxd.a $(B)/libbxcore.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(OXD_LIBS)
$(B)/oxview: $(call obj,oxview/main.c) $(B)/liboxview.a $(B)/libbxcore.a $(call obj,$(OXVIEW_LATE))
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(OXVIEW_CXX_LIBS) $(OXVIEW_OWN_LIBS)
$(B)/oxrun: $(call obj,$(OXRUN)) $(B)/libbxshim.a $(B)/libbxparts.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^

# ---- tests -----------------------------------------------------------------------------------------------------------

# A test or victim names what it links in a comment: /* LIBS: -lpq */
libs_of = $(shell sed -n 's,^/\* LIBS: \(.*\) \*/$$,\1,p' $(1))

$(B)/unit/%: $(B)/obj/tests/unit/%.c.o $(B)/liboxd.a $(B)/liboxview.a $(B)/libbxtcp.a $(B)/libbxshim.a $(B)/libbxparts.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $< $(B)/liboxd.a $(B)/liboxview.a $(B)/libbxtcp.a $(B)/libbxshim.a $(B)/libbxparts.a $(call libs_of,tests/unit/$*.c) -lcmocka $(OXD_LIBS) $(OXVIEW_LIBS)
$(B)/victims/%: $(B)/obj/tests/victims/%.c.o $(B)/libbx.so $(B)/fake/newer/libpq.so.5
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $< $(subst @B@,$(B),$(call libs_of,tests/victims/$*.c)) -Wl,-rpath,'$$ORIGIN/..'
$(B)/victims/%: $(B)/obj/tests/victims/%.cc.o $(B)/libbx.so
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(ALL_LDFLAGS) -o $@ $< $(subst @B@,$(B),$(call libs_of,tests/victims/$*.cc)) -Wl,-rpath,'$$ORIGIN/..'
$(B)/bench/%: $(B)/obj/tests/bench/%.c.o $(B)/libbx.so $(B)/libbxparts.a $(B)/fake/fast/libpq.so.5
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $< $(subst @B@,$(B),$(call libs_of,tests/bench/$*.c)) -Wl,-rpath,'$$ORIGIN/..'

# Libraries that stand in for libpq: tests/fake.  The directory says which.
FAKES := $(B)/fake/old/libpq.so.5 $(B)/fake/newer/libpq.so.5 $(B)/fake/fast/libpq.so.5 $(B)/fake/nested/libpq.so.5
FAKE_SOURCE_old := tests/fake/libpq.c
FAKE_SOURCE_newer := -DPQ_FAKE_NEWER tests/fake/libpq.c
FAKE_SOURCE_fast := tests/fake/libpq_fast.c
FAKE_SOURCE_nested := -DNESTED tests/fake/libpq_fast.c
PASSES := $(B)/fake/pass.so $(B)/fake/sendto.so
PASS_FLAGS_sendto := -DSENDTO
$(PASSES): $(B)/fake/%.so: tests/fake/pq_pass.c
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -shared $(PASS_FLAGS_$*) -o $@ $<
$(B)/fake/%/libpq.so.5: tests/fake/libpq.c tests/fake/libpq_fast.c
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -shared -Wl,-soname,libpq.so.5 -o $@ $(FAKE_SOURCE_$*)
	$(Q)ln -sf libpq.so.5 $(@D)/libpq.so

# Fuzzers are clang's, whatever CC is, with everything they touch instrumented.
FUZZ_FLAGS := -std=gnu11 -g -O1 -D_GNU_SOURCE -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -pthread
FUZZ_SECONDS ?= 20
$(B)/fuzz/%: tests/fuzz/%.c $(CORE) $(OXD) $(OXVIEW) $(call obj,$(OXVIEW_CXX))
	@mkdir -p $(@D)
	$(call say,FUZZCC,$@)clang $(FUZZ_FLAGS) -o $@ $< $(CORE) $(subst @B@,$(B),$(call libs_of,tests/fuzz/$*.c)) -lxxhash $(LOG_LIBS)

tests-build: all $(FAKES) $(addprefix $(B)/unit/,$(UNIT)) $(addprefix $(B)/victims/,$(VICTIMS))

deps:
	$(Q)scripts/install-deps

# Sub-makes, so that nothing is built before the packages are there.
test: deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) tests-build B=$(B) SAN=$(SAN)
	$(Q)scripts/run-tests --build $(B) $(TESTS)
demo: deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all $(addprefix $(B)/victims/,$(VICTIMS)) B=$(B)
	$(Q)scripts/demo --build $(B)
unit: $(addprefix $(B)/unit/,$(UNIT))
	$(Q)scripts/run-tests --build $(B) --unit
check: all
	$(Q)scripts/check --build $(B)
bench: all $(FAKES) $(PASSES) $(addprefix $(B)/bench/,$(BENCHES)) $(B)/victims/emit
	$(Q)scripts/bench --build $(B)
fuzz: $(addprefix $(B)/fuzz/,$(FUZZERS))
	$(Q)scripts/fuzz --build $(B) --seconds $(FUZZ_SECONDS)
soak: tests-build
	$(Q)scripts/run-tests --build $(B) --soak
# After a change of the interface that was meant: what check-abi compares with from now on.
abi: $(B)/libbx.so.1
	$(Q)scripts/check-abi --build $(B) --update
deb:
	$(Q)scripts/install-deps --packaging
	$(Q)scripts/build-deb
	$(Q)lintian --fail-on error,warning build/deb/*.changes
deb-test: deb
	$(Q)scripts/test-deb

# What git tracks at this commit, as a tarball that builds and tests by itself; the same bytes each time.
dist:
	$(Q)mkdir -p $(B)
	$(Q)git archive --format=tar --prefix=blueox-$(VERSION)/ HEAD | gzip -n9 > $(B)/blueox-$(VERSION).tar.gz
	$(Q)echo $(B)/blueox-$(VERSION).tar.gz

# ---- install ---------------------------------------------------------------------------------------------------------

# What a program needs to be built against libbx and to run.
install-lib: $(B)/libbx.so.1 $(B)/libbx_tcp.so.1 $(B)/libbx.a
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 $(B)/libbx.so.1 $(B)/libbx_tcp.so.1 $(B)/libbx.a $(DESTDIR)$(LIBDIR)
	ln -sf libbx.so.1 $(DESTDIR)$(LIBDIR)/libbx.so
	install -m 644 include/blueox.h $(DESTDIR)$(PREFIX)/include
	sed -e 's,@PREFIX@,$(PREFIX),g' -e 's,@LIBDIR@,$(LIBDIR),g' -e 's,@VERSION@,$(VERSION),g' libbx/libbx.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/libbx.pc
	scripts/bx-manual --version-of $(VERSION) > $(DESTDIR)$(PREFIX)/share/man/man3/bx.3
	for n in $$(scripts/bx-manual --names); do echo '.so man3/bx.3' > $(DESTDIR)$(PREFIX)/share/man/man3/$$n.3 || exit 1; done

install: all install-lib $(B)/install/libbx_preload.so
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin  \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man3 $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 755 $(B)/oxview $(B)/oxctl $(B)/oxrun $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/oxd $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(B)/install/libbx_preload.so $(DESTDIR)$(LIBDIR)
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	for p in oxview oxctl oxd oxrun; do \
		install -m 644 scripts/completions/blueox.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p && \
		install -m 644 scripts/completions/blueox.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$p.fish || exit 1; done
	install -m 644 scripts/completions/_blueox $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
	for p in oxview oxctl oxrun; do $(B)/$$p --man > $(DESTDIR)$(PREFIX)/share/man/man1/$$p.1 || exit 1; done
	$(B)/oxd --man > $(DESTDIR)$(PREFIX)/share/man/man8/oxd.8
	$(B)/oxd --man-conf > $(DESTDIR)$(PREFIX)/share/man/man5/oxd.conf.5
	sed -e 's,@VERSION@,$(VERSION),g' doc/blueox.7.in > $(DESTDIR)$(PREFIX)/share/man/man7/blueox.7
	if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi # a preloaded object must find libbx.so.1

# make print-ALL_CFLAGS: what a variable is, for scripts/check.
print-%:
	@echo '$($*)'

clean:
	rm -rf build build-*

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
