#!/bin/bash
# An nginx under AddressSanitizer and UndefinedBehaviorSanitizer with the
# module linked in statically, so that the sanitizers see nginx's side too:
# a pool used after free, a chain link too short.
#
# Where nginx's source cannot be had (or with WSP_SANITIZE=preload): the
# installed nginx, with an instrumented module and the runtime preloaded.
#
# The outcome is $BUILD/asan.env, to be sourced before a test run.  Set
# SANITIZER_REPORTS to an empty directory first: a file in it is a failure.

. "$(dirname "$0")/lib.sh"

export ASAN_OPTIONS=detect_leaks=0
out=$build/asan-nginx
mkdir -p "$out"

if [ -z "${WSP_ASAN_LOCKED:-}" ]; then
    WSP_ASAN_LOCKED=1 exec flock -o "$out/.lock" "$0"
fi

static_nginx() {
    local stamp

    set -- --prefix="$out/prefix" --with-compat --with-debug --with-threads \
        --with-http_ssl_module --with-http_v2_module \
        --with-http_realip_module --with-http_auth_request_module \
        --with-http_stub_status_module --with-http_sub_module \
        --with-http_slice_module --with-http_addition_module \
        --with-cc=gcc --with-cc-opt="$sanitize_cc" --with-ld-opt="$sanitize_ld" \
        --builddir="$out/objs" --add-module="$top"

    stamp=$({ printf '%s\n' "$src" "$@"; gcc --version; cat "$top/config"
              ls "$top"/ngx_module/*.[ch]; } | sha256sum)

    export WSP_VARIANT=gcc-asan WSP_BUILD=$build
    core_make VARIANT=gcc-asan lib

    cd "$src"
    configure=./configure
    [ -x $configure ] || configure=auto/configure

    if [ "$stamp" != "$(cat "$out/stamp" 2>/dev/null)" ]; then
        rm -rf "$out/objs" "$out/stamp"
        echo "  CONFIGURE sanitizer nginx"
        $configure "$@" > "$out/configure.log" 2>&1 || {
            tail -n 20 "$out/configure.log" >&2
            die "nginx's configure failed: see $out/configure.log"
        }
        printf '%s\n' "$stamp" > "$out/stamp"
    fi

    make -s -j "$jobs" -f "$out/objs/Makefile" binary
    if ! cmp -s "$out/objs/nginx" "$out/nginx"; then
        cp "$out/objs/nginx" "$out/nginx.new"
        mv "$out/nginx.new" "$out/nginx"
    fi

    binary=$out/nginx
    load=
}

# a script for the binary: LD_PRELOAD for a whole test run would put perl and
# Redis under the sanitizer, too
preloaded_nginx() {
    local nginx runtime
    nginx=$(command -v nginx) || die "no nginx"

    # libstdc++ too: libasan looks for __cxa_throw when it starts, and would
    # not find that of a library which comes with the module only
    runtime=$(readlink -f "$(gcc -print-file-name=libasan.so)")
    runtime=$runtime:$(readlink -f "$(gcc -print-file-name=libstdc++.so.6)")

    WSP_VARIANT=gcc-asan "$tools/build-module.sh" "$build/module-asan"

    cat > "$out/nginx-preloaded" << END
#!/bin/sh
LD_PRELOAD=$runtime exec $nginx "\$@"
END
    chmod 755 "$out/nginx-preloaded"

    binary=$out/nginx-preloaded
    load=$build/module-asan/$module.so
}

if [ "${WSP_SANITIZE:-static}" = static ] && src=$("$tools/nginx-source.sh")
then
    static_nginx
else
    echo "  the source of nginx is not used: sanitizers see the module only"
    preloaded_nginx
fi

{
    echo "# written by ${0##*/}, for sh"
    echo "SANITIZER_REPORTS=\${SANITIZER_REPORTS:-$build/asan-reports}"
    echo "export SANITIZER_REPORTS"
    echo "export TEST_NGINX_BINARY='$binary'"
    echo "export TEST_NGINX_LOAD_MODULES='$load'"
    sanitizer_options
} > "$build/asan.env.new"
mv "$build/asan.env.new" "$build/asan.env"
echo "  SANITIZER $binary ($build/asan.env)"
