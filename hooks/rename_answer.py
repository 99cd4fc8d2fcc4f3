"""Give an answer its new name or value before an update that asks the question differently.

    command: [..., "{{ _copier_conf.src_path }}/hooks/rename_answer.py", old_key, new_key]
    command: [..., "{{ _copier_conf.src_path }}/hooks/rename_answer.py", key=old, key=new]

A renamed question needs no hook, and no trust, where the new one takes the old one's answer as its
default: `default: "{{ old_key | default('x') }}"`. A choice that is gone does.
"""

import re
import sys
from pathlib import Path


def main(old: str, new: str, file: str = ".copier-answers.yml") -> None:
    """Rename a key (`old` to `new`) or an answer (`key=value` to `key=value`), if it is there."""
    answers = Path(file)
    key, _, value = old.partition("=")
    line = rf"^{re.escape(key)}: " + (rf"'?{re.escape(value)}'?$" if value else "")
    renamed = new.replace("=", ": ", 1) if value else f"{new}: "
    text = answers.read_text(encoding="utf-8")
    changed = re.sub(line, lambda _: renamed, text, flags=re.MULTILINE)
    if changed != text:
        answers.write_text(changed, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
