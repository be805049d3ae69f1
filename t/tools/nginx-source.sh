#!/bin/bash
# Unpacks the source of the nginx that is installed (nginx-dev has headers
# only) from Debian's source package, once, and prints where it is.
#
#   NGINX_SRC   a source tree to use instead
#
# /etc/apt is left as it is: the source list, the indexes and the cache are
# private ones in the build directory.

. "$(dirname "$0")/lib.sh"

if [ -n "${NGINX_SRC:-}" ]; then
    cd "$NGINX_SRC" && pwd
    exit
fi

upstream=$(nginx -v 2>&1 | sed -n 's,.*nginx/\([0-9.]*\).*,\1,p')
[ -n "$upstream" ] || die "no nginx here: which source to take is not known"

mkdir -p "$build/nginx-source"
cd "$build/nginx-source"
src=$PWD/nginx-$upstream

if [ -f "$src.complete" ]; then
    echo "$src"
    exit
fi

command -v dpkg-source > /dev/null || die "no dpkg-source: install dpkg-dev"

mkdir -p lists/partial cache/archives/partial

# the archives that this machine has its packages from, else Debian's own
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
signed=
[ ! -f $keyring ] || signed="[signed-by=$keyring] "
apt-get indextargets \
    --format '$(ORIGIN) $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' \
    2>/dev/null \
    | sed -n "s,^Debian ,deb-src $signed,p" | sort -u > sources.list
if [ ! -s sources.list ]; then
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    debian=http://deb.debian.org
    printf "deb-src $signed%s main\n" "$debian/debian $release" \
        "$debian/debian-security $release-security" > sources.list
fi

options=(-q -o "Dir::Etc::sourcelist=$PWD/sources.list"
         -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$PWD/lists"
         -o "Dir::Cache=$PWD/cache" -o "APT::Sandbox::User=$(id -un)")

apt-get "${options[@]}" update > update.log 2>&1 || {
    tail -n 3 update.log >&2
    die "no index of Debian's source packages can be had"
}

# the very package first; then others of the same nginx, which differ in
# patches only: a mirror may lag behind in one of them
versions=$({ dpkg-query -W -f '${Version}\n' nginx 2>/dev/null || :
             apt-cache "${options[@]}" showsrc nginx \
                 | sed -n 's/^Version: //p' | sort -rV; } \
           | awk -v upstream="$upstream" \
                 'index($0, upstream "-") == 1 && !seen[$0]++')

for version in $versions; do
    rm -rf "$src"
    if apt-get "${options[@]}" source "nginx=$version" > source.log 2>&1; then
        touch "$src.complete"
        echo "  SOURCE nginx $version" >&2
        echo "$src"
        exit
    fi
    echo "  SOURCE nginx $version: not to be had" >&2
done

tail -n 3 source.log >&2
die "no source package of nginx $upstream can be had"
