# SPDX-License-Identifier: Apache-2.0
#
# Links of the tree as they are where the docs are installed: all of docs/ in one folder with the README and the
# changelog, an agent's README as plugins/NAME.md. What is not installed beside them keeps its name alone.
s|\[\([^]]*\)\](\(\.\./\)*sdk/[^)]*)|\1|g
s|\[\([^]]*\)\]([a-z]*\.c)|\1|g
s|\[\([^]]*\)\](\(CONTRIBUTING\.md\)\{0,1\}\(LICENSE\)\{0,1\}\(etc/troupe\.ini\)\{0,1\})|\1|g
s|](\.\./\.\./docs/|](../|g
s|](\(\.\./\)\{0,1\}plugins/\([a-z_]*\)/README\.md|](plugins/\2.md|g
s|](plugins/\([a-z_]*\))|](plugins/\1.md)|g
s|](\.\./\([a-z_]*\)/README\.md|](\1.md|g
s|](\.\./\([A-Z]*\.md\)|](\1|g
s|](docs/|](|g
