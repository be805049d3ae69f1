#!/bin/bash
# Checks a built module:  check-module.sh MODULE.so [NGINX]
#
#   - it exports what nginx looks up, and nothing else
#   - its signature is that of nginx, which would refuse to load it otherwise

. "$(dirname "$0")/lib.sh"

so=${1:?module}
nginx=$(command -v "${2:-nginx}") || die "no ${2:-nginx} to compare with"
failed=0

wanted=$(printf '%s\n' ngx_module_names ngx_module_order ngx_modules)
exported=$(nm -D --defined-only "$so" | awk '{ print $NF }' | sort)

if [ "$exported" = "$wanted" ]; then
    echo "ok - ${so##*/} exports nginx's three symbols only"
else
    failed=1
    echo "not ok - ${so##*/} exports other symbols than nginx's three"
    diff <(echo "$wanted") <(echo "$exported") | sed 's/^/#   /'
fi

signature() {
    # each module in a binary has a copy of it
    strings -n 30 "$1" | grep -E '^[0-9]+,[0-9]+,[0-9]+,[01]{34}$' | sort -u
}

ours=$(signature "$so")
theirs=$(signature "$nginx")
if [ -n "$ours" ] && [ "$ours" = "$theirs" ]; then
    echo "ok - its signature is that of $nginx"
else
    failed=1
    echo "not ok - its signature differs from that of $nginx"
    echo "#   module $ours"
    echo "#   nginx  $theirs"
fi

exit $failed
