# A page of the handbook as students get it: without what speaks of the reference.
#
# - what stands between the lines `<!-- reference -->` and `<!-- /reference -->` goes;
# - list items `- code:` and `- bugs:` go, with the lines that they go on in;
# - a table's last column goes if its head says "planted bug";
# - comments that say where an output or a drawing comes from go;
# - a place in a file of the reference is one in src/raft/mod.rs.

/^<!-- reference -->$/ { reference = 1; next }
/^<!-- \/reference -->$/ { reference = 0; next }
reference { next }
/^ *<!-- (output|drawing|end of drawing|not compared|generated)/ { next }

/^ *- (code|bugs): / { item = match($0, /-/); next }
item && match($0, /[^ ]/) && RSTART > item && !/^ *- / { next }
{ item = 0 }

/^\|/ && !table { table = 1; narrow = /\| planted bug \|$/ }
!/^\|/ { table = narrow = 0 }
narrow { sub(/\|[^|]*\|$/, "|") }

# No two empty lines in a row, where something has gone.
/^$/ { if (empty) next }
{ empty = /^$/ }

{ gsub(/src\/raft\/[a-z_]+\.rs:/, "src/raft/mod.rs:"); print }
