#!/usr/bin/env bash
# Copies the plugin into a viwo checkout, as a workspace of it: install.sh PATH_TO_VIWO
set -euo pipefail

viwo=$(cd "${1:?path of a viwo checkout}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
plugin=$viwo/plugins/imagegen
[ -f "$viwo/packages/core/package.json" ] || { echo "$viwo is no checkout of viwo" >&2; exit 1; }

rm -rf "$plugin"
mkdir -p "$plugin"
# The protos are a link in this repository; in viwo's they are files.
cp -rL "$here/src" "$here/protos" "$here/package.json" "$plugin/"
"${BUN:-bun}" -e '
  const { readFileSync, writeFileSync } = require("node:fs");
  const change = (path, edit) => {
    const content = JSON.parse(readFileSync(path, "utf8"));
    edit(content);
    writeFileSync(path, JSON.stringify(content, null, 2) + "\n");
  };
  const [plugin, server] = process.argv.slice(1);
  change(plugin, (content) => {
    Object.assign(content.dependencies, { "@viwo/core": "workspace:*", "@viwo/scripting": "workspace:*" });
    delete content.devDependencies;
    delete content.scripts;
  });
  change(server, (content) => {
    content.dependencies["@viwo/plugin-imagegen"] = "workspace:*";
  });
' "$plugin/package.json" "$viwo/apps/server/package.json"

cat <<END
Copied to plugins/imagegen. Now run 'bun install' in $viwo, and in apps/server/src/index.ts put
  import { ImagegenPlugin } from "@viwo/plugin-imagegen";
  await pluginManager.loadPlugin(new ImagegenPlugin());
in the place of the two lines with DiffusersPlugin.
END
