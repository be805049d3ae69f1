#!/bin/bash
# packages.sh SET...      installs the Debian packages that are missing
# packages.sh --check SET...   only tells which are
#
# Sets: build, run, test, bench.  An entry `command=package` is satisfied by
# the command, wherever it came from.
#
# Nothing that apt would start is started, and a service that came with a
# package installed here is disabled: nginx, Redis and Prometheus are wanted
# as programs.  A service that was there before is left as it is, and a module
# that came with a package installed here is not one that nginx loads from its
# next reload on.

. "$(dirname "$0")/lib.sh"

set_build="make=make g++ nginx=nginx nginx-dev libhiredis-dev libjansson-dev
    libsodium-dev libre2-dev libssl-dev libcurl4-openssl-dev nm=binutils"

set_run="nginx=nginx redis-server=redis-server redis-cli=redis-tools
    curl=curl perl=perl"

# The development files of OpenSSL, PCRE2 and zlib, dpkg-dev and patch are for
# the sanitizer nginx, which is built from Debian's source package.
# nchan, lua and ndk are other people's modules, loaded beside ours.  Chromium
# opens the page of workspaces_docs.
set_test="$set_run clang++=clang libclang-rt-14-dev llvm-symbolizer=llvm
    libcmocka-dev python3=python3 python3-aiosmtpd
    prove=perl libtest-base-perl libtest-longstring-perl libredis-perl
    liblist-moreutils-perl libhttp-message-perl libwww-perl libtext-diff-perl
    libipc-run-perl liburi-perl libjson-perl libjson-xs-perl
    libnginx-mod-http-lua libnginx-mod-http-ndk libnginx-mod-nchan
    lua-resty-core lua-resty-lrucache
    dpkg-source=dpkg-dev patch=patch xz=xz-utils promtool=prometheus
    openssl=openssl
    libssl-dev libpcre2-dev zlib1g-dev
    python3-jsonschema chromium=chromium chromedriver=chromium-driver"

# not luajit: it conflicts with the libluajit2 of libnginx-mod-http-lua
set_bench="wrk=wrk node=nodejs npm=npm libnginx-mod-http-lua lua-resty-core
    lua-resty-lrucache lua-cjson taskset=util-linux strace=strace
    valgrind=valgrind"

without() {
    case $1 in
        build) echo "the module cannot be built" ;;
        run)   echo "no nginx with a private Redis can be started" ;;
        test)  echo "some of the tests cannot run" ;;
        bench) echo "the benchmarks cannot run" ;;
    esac
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# the packages of the sets given that are not there
missing() {
    local set entries entry
    for set in "$@"; do
        entries=set_$set
        for entry in ${!entries}; do
            case $entry in
                *=*) command -v "${entry%%=*}" > /dev/null || echo "${entry#*=}" ;;
                *)   installed "$entry" || echo "$entry" ;;
            esac
        done
    done | sort -u
}

# -- no service is started

# invoke-rc.d and deb-systemd-invoke ask this program, at this place only
policy=/usr/sbin/policy-rc.d
saved=$policy.before-ngx_workspaces
marker='written by packages.sh of ngx_workspaces'

restore_policy() {
    grep -qsF "$marker" $policy && $sudo rm -f $policy
    [ ! -e $saved ] || $sudo mv -f $saved $policy
}

forbid_starts() {
    # what a killed run has left
    restore_policy
    trap restore_policy EXIT
    trap 'exit 1' INT TERM HUP
    [ ! -e $policy ] || $sudo mv $policy $saved
    printf '#!/bin/sh\n# %s\nexit 101\n' "$marker" | $sudo tee $policy > /dev/null
    $sudo chmod 755 $policy
}

disable() {
    if command -v systemctl > /dev/null; then
        $sudo systemctl disable "$1" > /dev/null 2>&1 && return
    fi
    $sudo update-rc.d "$1" disable > /dev/null 2>&1 \
        || echo "could not disable the service $1: please do" >&2
}

# -- no module is enabled: the tests load theirs by their paths

modules_enabled=/etc/nginx/modules-enabled

# enabled_but FILE...: those that are not among them
enabled_but() {
    local link
    for link in "$modules_enabled"/*.conf; do
        [ -L "$link" ] || continue
        case " $* " in
            *" $link "*) ;;
            *) echo "$link" ;;
        esac
    done
}

# -- apt

apt() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

install_missing() {
    local log pkg
    log=$(mktemp)
    echo "  APT $*"
    apt update > "$log" 2>&1 || tail -n 5 "$log" >&2

    # one at a time when all at once will not do: as many as possible
    if ! apt install --no-install-recommends "$@" > "$log" 2>&1; then
        tail -n 5 "$log" >&2
        for pkg in "$@"; do
            apt install --no-install-recommends "$pkg" > "$log" 2>&1 \
                || tail -n 2 "$log" >&2
        done
    fi
    rm -f "$log"
}

# -- main

check=
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi

for set in "$@"; do
    [ -n "$(without "$set")" ] || die "no set $set: build, run, test, bench"
done

command -v dpkg-query > /dev/null || {
    echo "not a Debian system: its packages are not looked at" >&2
    exit 0
}

need=$(missing "$@")
[ -n "$need" ] || exit 0

if [ -z "$check" ]; then
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo

    if [ -n "$sudo" ] && ! command -v sudo > /dev/null; then
        echo "neither root nor sudo: nothing can be installed" >&2
    else
        services=
        for pkg in nginx redis-server prometheus; do
            installed $pkg || services="$services $pkg"
        done

        # shellcheck disable=SC2046
        enabled=$(echo $(enabled_but))
        forbid_starts
        # shellcheck disable=SC2086
        install_missing $need

        # shellcheck disable=SC2086
        for link in $(enabled_but $enabled); do
            $sudo rm -f "$link"
        done

        for pkg in $services; do
            ! installed "$pkg" || disable "$pkg"
        done
    fi
    need=$(missing "$@")
fi

[ -n "$need" ] || exit 0

status=0
for set in "$@"; do
    # shellcheck disable=SC2046
    lack=$(echo $(missing "$set"))
    [ -n "$lack" ] || continue
    echo "missing for $set ($(without "$set")): $lack" >&2
    status=1
done
exit $status
