"""Add the named peers' targets to ours: `with_peers.py targets.json peers.json NAME...`."""

import json
import sys
from pathlib import Path

ours, theirs, *names = sys.argv[1:]
targets = json.loads(Path(ours).read_text())
peers = json.loads(Path(theirs).read_text())
targets["vars"] = peers.get("vars", {})
targets["targets"] += [target for target in peers["targets"] if target["name"] in names]
Path(ours).write_text(json.dumps(targets))
