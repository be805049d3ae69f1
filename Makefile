# ngx_workspaces: build, try, test, measure, install.  `make help` lists all.
#
# Variables: BUILD      where to build (default ./build)
#            NGINX_SRC  source of another nginx than Debian's, to build against
#            NGINX      the binary of that nginx (default nginx, from the PATH)
#            DESTDIR    for install and uninstall
#            LUA_LIB_DIR, LUA_CLIB_DIR  for install-lua: the Lua files, and
#                       the shared library
#            PORT, RUN_DIR  of the demo that `make run` starts

BUILD   ?= build
RUN_DIR ?= run
NGINX   ?= nginx

# where Debian's LuaJIT looks
LUA_LIB_DIR  ?= /usr/local/share/lua/5.1
LUA_CLIB_DIR ?= /usr/local/lib/lua/5.1

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
        bench-scale bench-latency bench-publish install uninstall lua \
        install-lua uninstall-lua clean help

all: module

help:
	@echo 'make             build the dynamic module: $(module)'
	@echo 'make run         a demo: nginx with a private Redis, on loopback'
	@echo 'make stop        ends the demo; its data stays in $(RUN_DIR)'
	@echo 'make test        every test; installs the packages that are missing'
	@echo 'make test-long   the same and more: long fuzzing, a million requests'
	@echo 'make bench       against plain nginx, Lua and Fastify'
	@echo 'make bench-scale    what requests cost against the size of tenants'
	@echo 'make bench-latency  at a fixed rate, beside others, in a reload'
	@echo 'make bench-publish  the figures of the last runs into README.md'
	@echo 'make install     into the nginx of this machine (DESTDIR=...)'
	@echo 'make uninstall'
	@echo 'make lua         build resty.workspaces: $(BUILD)/lua'
	@echo 'make install-lua uninstall-lua'
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
	@$(MAKE) --no-print-directory module lua
	@t/bench/run.sh

bench-scale bench-latency:
	@$(tools)/packages.sh build run bench
	@$(MAKE) --no-print-directory module lua
	@t/bench/run.sh $(@:bench-%=%)

bench-publish:
	@t/bench/publish.pl --out $(BUILD)/bench

install: module
	@$(tools)/install.sh install $(NGINX) '$(DESTDIR)'

uninstall:
	@$(tools)/install.sh uninstall $(NGINX) '$(DESTDIR)'

lua:
	@$(tools)/build-lua.sh

install-lua: lua
	install -d '$(DESTDIR)$(LUA_LIB_DIR)/resty/workspaces' \
	    '$(DESTDIR)$(LUA_CLIB_DIR)'
	install -m 644 $(BUILD)/lua/resty/workspaces.lua \
	    '$(DESTDIR)$(LUA_LIB_DIR)/resty/'
	install -m 644 $(BUILD)/lua/resty/workspaces/*.lua \
	    '$(DESTDIR)$(LUA_LIB_DIR)/resty/workspaces/'
	install -m 644 $(BUILD)/lua/libworkspaces.so '$(DESTDIR)$(LUA_CLIB_DIR)/'

uninstall-lua:
	rm -rf '$(DESTDIR)$(LUA_LIB_DIR)/resty/workspaces' \
	    '$(DESTDIR)$(LUA_LIB_DIR)/resty/workspaces.lua' \
	    '$(DESTDIR)$(LUA_CLIB_DIR)/libworkspaces.so'

clean:
	rm -rf $(BUILD)
