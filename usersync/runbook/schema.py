"""The JSON Schema of a runbook file, for editors; made from the models, so that both are one."""

from __future__ import annotations

import json

from usersync.runbook.models import VERBS, Runbook

#: What the first line of a runbook names, from where it stands.
PLACE = "../schemas/runbook.json"
FIRST_LINE = f"# yaml-language-server: $schema={PLACE}"


def schema_text() -> str:
    """The schema as it stands in ``schemas/runbook.json``."""
    schema = Runbook.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A runbook of usersync"
    schema["$defs"]["Step"]["oneOf"] = [{"required": [verb]} for verb in VERBS]
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
