# Turns a file of named statements into a header, so that SQL stays in files of its own and its
# names are checked by the compiler:
#   -- name: reserve        begins a statement; the macro is SQL_<FILE>_<NAME>
#   -- anything else        is a comment
BEGIN { print "/* Made from the .sql file of the same name; edit that. */" }
function flush_statement() {
    if (name != "")
        printf "#define SQL_%s_%s \\\n    \"%s\"\n", toupper(stem), toupper(name), body
    name = ""; body = ""
}
/^-- name: / { flush_statement(); name = $3; next }
/^[ \t]*--/ || /^[ \t]*$/ { next }
{
    sub(/^[ \t]+/, ""); sub(/[ \t]+$/, ""); sub(/;$/, "")
    gsub(/\\/, "\\\\"); gsub(/"/, "\\\"")
    body = body (body == "" ? "" : " ") $0
}
END { flush_statement() }
