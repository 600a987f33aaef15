#!/bin/sh
# Runs after `npm ci`. The pinned Node is an optional package for each architecture, and npm 9 (that of Debian 12 and 13
# and Ubuntu 24.04), when it drops the package of the other one, takes away the link to this one's program too.
set -eu
for package in node_modules/node-linux-*; do
  if [ -x "$package/bin/node" ]; then
    mkdir -p node_modules/.bin
    ln -sfn "../${package#node_modules/}/bin/node" node_modules/.bin/node
  fi
done
