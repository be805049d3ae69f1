#!/bin/bash
# Builds resty.workspaces:
#
#   build-lua.sh [OUTDIR]    default build/lua
#
# OUTDIR then is what lua_package_path and lua_package_cpath name: the Lua
# files, libworkspaces.so, and the declarations of its functions, which are
# cut from core/workspaces.h between its marks.

. "$(dirname "$0")/lib.sh"

out=${1:-$build/lua}
mkdir -p "$out/resty/workspaces"

core_make VARIANT=plain shared

# what is put in place is whole, and what a process has mapped stays
put() {
    if ! cmp -s "$1" "$2"; then
        cp "$1" "$2.new"
        mv "$2.new" "$2"
    fi
}

cdef=$out/resty/workspaces/cdef.lua
{
    echo '-- From core/workspaces.h, by the build.'
    echo 'return [==['
    awk '/FFI-END/ { on = 0 } on { print } /FFI-BEGIN/ { on = 1 }' \
        "$top/core/workspaces.h"
    echo ']==]'
} > "$cdef.made"
grep -q wsp_abi_version "$cdef.made" || die "no FFI part in core/workspaces.h"
put "$cdef.made" "$cdef"
rm "$cdef.made"

(cd "$top/lua-compat/lib" && find resty -name '*.lua') \
    | while read -r file; do
        put "$top/lua-compat/lib/$file" "$out/$file"
    done
put "$build/plain/libworkspaces.so" "$out/libworkspaces.so"
echo "  LUA $out"
