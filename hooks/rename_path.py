"""Move a file or folder of a project before an update that calls it something else.

    _migrations:
      - version: "2.0.0"
        when: "{{ _stage == 'before' }}"
        command:
          ["{{ _copier_python }}", "{{ _copier_conf.src_path }}/hooks/rename_path.py", old, new]

Without it the edits in `old` are dropped silently: Copier sees one file deleted and another made.
With it git knows the move, and the update merges into the new place. Again, it changes nothing.
"""

import subprocess
import sys
from pathlib import Path

IN_THE_WAY = {
    "en": "{old} becomes {new}, which is there already: move yours away, then update again.",
    "pt": "{old} passa a ser {new}, que já existe: mude o seu de lugar e atualize de novo.",
}


def main(old: str, new: str) -> None:
    """Move `old` to `new`, relative to the project, unless it is gone or `new` is there already.

    Raises:
        SystemExit: both are there, so that one would overwrite the other.
    """
    if not Path(old).exists():
        return
    if Path(new).exists():
        answers = Path(".copier-answers.yml").read_text(encoding="utf-8")
        sentence = IN_THE_WAY["pt" if "\nlanguage: pt\n" in answers else "en"]
        sys.exit(sentence.format(old=old, new=new))
    Path(new).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "mv", old, new], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
