# ngx_workspaces: build, try, test, measure, install.  `make help` lists all.
#
# Variables: BUILD      where to build (default ./build)
#            NGINX_SRC  source of another nginx than Debian's, to build against
#            NGINX      the binary of that nginx (default nginx, from the PATH)
#            DESTDIR    for install and uninstall
#            PORT, RUN_DIR  of the demo that `make run` starts

BUILD   ?= build
RUN_DIR ?= run
NGINX   ?= nginx

# absolute, for the scripts and nginx's makefiles work elsewhere.  NGINX goes
# by another name: nginx takes an environment variable NGINX for its own
override BUILD   := $(abspath $(BUILD))
override RUN_DIR := $(abspath $(RUN_DIR))
export BUILD RUN_DIR NGINX_SRC NGINX_CONFIGURE PORT
unexport NGINX

tools  := t/tools
module := $(BUILD)/module/ngx_http_workspaces_module.so

.DEFAULT_GOAL := all
.PHONY: all module check-module packages run stop test test-long bench \
        install uninstall clean help

all: module

help:
	@echo 'make             build the dynamic module: $(module)'
	@echo 'make run         a demo: nginx with a private Redis, on loopback'
	@echo 'make stop        ends the demo; its data stays in $(RUN_DIR)'
	@echo 'make test        every test; installs the packages that are missing'
	@echo 'make test-long   the same and more, fuzzing a quarter of an hour each'
	@echo 'make bench       against plain nginx, Lua and Fastify'
	@echo 'make install     into the nginx of this machine (DESTDIR=...)'
	@echo 'make uninstall'
	@echo 'make packages    only installs what a build needs'
	@echo 'make clean       removes $(BUILD)'

packages:
	@$(tools)/packages.sh build

module:
	@$(tools)/build-module.sh

check-module: module
	@$(tools)/check-module.sh $(module) $(NGINX)

run:
	@$(tools)/demo.sh start

stop:
	@$(tools)/demo.sh stop

test:
	@$(tools)/test.sh

test-long:
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-900} $(tools)/test.sh long

bench:
	@$(tools)/packages.sh build run bench
	@$(MAKE) --no-print-directory module
	@t/bench/run.sh

install: module
	@$(tools)/install.sh install $(NGINX) '$(DESTDIR)'

uninstall:
	@$(tools)/install.sh uninstall $(NGINX) '$(DESTDIR)'

clean:
	rm -rf $(BUILD)
