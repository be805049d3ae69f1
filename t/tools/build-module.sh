#!/bin/bash
# Builds the dynamic module out of tree:
#
#   build-module.sh [OUTDIR]     default build/module
#
#   WSP_VARIANT     variant of the core (default plain)
#   NGINX_SRC       source tree of another nginx; default Debian's nginx-dev
#   NGINX_CONFIGURE further arguments for nginx's configure
#
# Configuring takes most of the time and is done again only when something it
# looks at has changed.

. "$(dirname "$0")/lib.sh"

mkdir -p "${1:-$build/module}"
out=$(cd "${1:-$build/module}" && pwd)
export WSP_VARIANT=${WSP_VARIANT:-plain} WSP_BUILD=$build

# one at a time: nginx's makefiles are not made for two in one place
if [ -z "${WSP_MODULE_LOCKED:-}" ]; then
    WSP_MODULE_LOCKED=1 exec flock -o "$out/.lock" "$0" "$out"
fi

if [ -n "${NGINX_SRC:-}" ]; then
    src=$(cd "$NGINX_SRC" && pwd)
    flags=(--with-compat)
else
    src=/usr/share/nginx/src
    [ -f $src/conf_flags ] || die "no nginx-dev in $src:" \
        "apt-get install nginx-dev, or say NGINX_SRC=<nginx's source>"
    . $src/conf_flags
    flags=("${NGX_CONF_FLAGS[@]}")
fi

if [ "$WSP_VARIANT" = gcc-asan ]; then
    flags+=(--with-cc-opt="$sanitize_cc" --with-ld-opt="$sanitize")
    export ASAN_OPTIONS=detect_leaks=0
else
    # as Debian builds its own; nginx's default is -O
    flags+=(--with-cc-opt="-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
-fstack-protector-strong -Wformat -Werror=format-security"
            --with-ld-opt="-Wl,-z,relro -Wl,-z,now")
fi

# a checkout keeps it in auto/, a release has a copy at its top
configure=./configure
[ -x "$src/configure" ] || configure=auto/configure
[ -x "$src/$configure" ] || die "$src has no configure: not nginx's source"

core_make VARIANT="$WSP_VARIANT" lib

# shellcheck disable=SC2086
set -- "${flags[@]}" ${NGINX_CONFIGURE:-} \
    --builddir="$out/objs" --add-dynamic-module="$top"

stamp=$({ printf '%s\n' "$src" "$WSP_VARIANT" "$@"; cat "$top/config"
          ls "$top"/ngx_module/*.[ch] "$top/core/workspaces.h"
          cat "$src/src/core/nginx.h" "$src/conf_flags" 2>/dev/null || :
          ${CC:-cc} --version; } | sha256sum)

cd "$src"
if [ "$stamp" != "$(cat "$out/stamp" 2>/dev/null)" ]; then
    rm -rf "$out/objs" "$out/stamp"
    echo "  CONFIGURE nginx in ${NGINX_SRC:-$src}"
    "$configure" "$@" > "$out/configure.log" 2>&1 || {
        tail -n 20 "$out/configure.log" >&2
        die "nginx's configure failed: see $out/configure.log"
    }
    printf '%s\n' "$stamp" > "$out/stamp"
fi

make -s -j "$jobs" -f "$out/objs/Makefile" modules

# mv, not cp: a running nginx has the old file mapped
if ! cmp -s "$out/objs/$module.so" "$out/$module.so"; then
    cp "$out/objs/$module.so" "$out/$module.so.new"
    mv "$out/$module.so.new" "$out/$module.so"
fi
echo "  MODULE $out/$module.so"
