#!/usr/bin/env bash
# Plays a scripted player against the real viwo with this plugin and a real sidecar: try_in_viwo.sh PATH_TO_VIWO
#
# The checkout needs its dependencies (bun install). Its core and server run as they are; the plugin is linked beside the
# other plugins, and a copy of the server's start file loads it. Everything is taken out again at the end.
set -euo pipefail

viwo=$(cd "${1:?path of a viwo checkout}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bun=${BUN:-$(command -v bun || ls "$here"/../.bun/*/bun 2>/dev/null | tail -1 || true)}
[ -n "$bun" ] || { echo "bun is not there; run make plugin, or set BUN=/path/to/bun" >&2; exit 1; }
sidecar=${VIWO_IMAGEGEN:-$here/../.venv/bin/viwo-imagegen}
work=$(mktemp -d)
plugin=$viwo/plugins/imagegen
start=$viwo/apps/server/src/with_imagegen.ts
link=$viwo/apps/server/node_modules/@viwo/plugin-imagegen

cleanup() {
  rm -rf "$plugin" "$start" "$link"
  [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT

[ -d "$here/node_modules" ] || (cd "$here" && "$bun" install --frozen-lockfile)
mkdir -p "$plugin/node_modules/@viwo"
cp -rL "$here/src" "$here/protos" "$here/package.json" "$plugin/"
cp -r "$here/node_modules/." "$plugin/node_modules/"
ln -sfn "$viwo/packages/core" "$plugin/node_modules/@viwo/core"
ln -sfn "$viwo/packages/scripting" "$plugin/node_modules/@viwo/scripting"
ln -sfn "$plugin" "$link"
sed -e 's#import { DiffusersPlugin } from "@viwo/plugin-diffusers";#import { ImagegenPlugin } from "@viwo/plugin-imagegen";#' \
    -e 's#new DiffusersPlugin()#new ImagegenPlugin()#' -e 's#startServer(8080)#startServer(Number(process.env.VIWO_PORT))#' \
    "$viwo/apps/server/src/index.ts" > "$start"

VIWO=$viwo WORK=$work BUN=$bun SIDECAR=$sidecar "$bun" run "$here/try/play.ts"
