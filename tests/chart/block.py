#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""block.py KEY: the documents of a YAML block scalar (KEY: |) that holds a list, one after the other."""
import re
import sys
import textwrap

text = sys.stdin.read()
block = re.search(rf"^( *){re.escape(sys.argv[1])}: \|\n((?:\1 +.*\n|\n)*)", text, re.MULTILINE)
items = re.split(r"^- ", textwrap.dedent(block[2]), flags=re.MULTILINE)[1:]
print("---\n".join("  " + item for item in items))
