#!/bin/bash
# install.sh install|uninstall NGINX DESTDIR
#
# Puts the module where NGINX looks for modules, with a file that loads it, as
# Debian's own modules have: modules-available, linked from modules-enabled.
# Swagger UI goes to where workspaces_docs looks for it by itself.
# A running nginx keeps what it has loaded until it is reloaded.

. "$(dirname "$0")/lib.sh"

action=${1:?install or uninstall}
nginx=$(command -v "${2:-nginx}") || die "no nginx: ${2:-nginx}"
dest=${3:-}

# the last one counts, as for nginx's configure
option() {
    "$nginx" -V 2>&1 | tr ' ' '\n' | sed -n "s,^--$1=,,p" | tail -n 1
}

prefix=$(option prefix)
ui=${prefix:-/usr/local/nginx}/swagger-ui
modules=$(option modules-path)
conf=$(option conf-path)
modules=${modules:-${prefix:-/usr/local/nginx}/modules}
conf=$(dirname "${conf:-${prefix:-/usr/local/nginx}/conf/nginx.conf}")

so=$modules/$module.so
name=50-mod-http-workspaces.conf
available=$conf/modules-available/$name
enabled=$conf/modules-enabled/$name

case $action in
    install)
        # nginx would refuse another one at its next start
        "$tools/check-module.sh" "$build/module/$module.so" "$nginx"

        install -d "$dest$modules" "${dest}${available%/*}" \
            "${dest}${enabled%/*}"

        # mv, not cp: a running nginx has the old file mapped
        install -m 644 "$build/module/$module.so" "$dest$so.new"
        mv "$dest$so.new" "$dest$so"

        echo "load_module $so;" > "$dest$available"
        ln -sf "$available" "$dest$enabled"

        if "$tools/fetch.sh" swagger-ui "$build/swagger-ui"; then
            install -d "$dest$ui"
            install -m 644 "$build/swagger-ui"/* "$build/swagger-ui/.package" \
                "$dest$ui/"
            echo "installed $dest$ui"
        else
            echo "workspaces_docs will not start without Swagger UI: do" \
                "\"t/tools/fetch.sh swagger-ui $dest$ui\" later" >&2
        fi

        echo "installed $dest$so"
        echo "enabled   $dest$enabled"
        grep -qs "modules-enabled/\*.conf" "$conf/nginx.conf" \
            || echo "add to $conf/nginx.conf, at its top: load_module $so;"
        ;;
    uninstall)
        rm -f "$dest$enabled" "$dest$available" "$dest$so"
        ! grep -qs '^swagger-ui-dist ' "$dest$ui/.package" \
            || rm -rf "$dest$ui"
        echo "removed   $dest$so"
        ;;
    *)
        die "install or uninstall, not $action"
        ;;
esac
