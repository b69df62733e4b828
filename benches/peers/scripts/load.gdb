# `load` of half a megabyte; the server's part up to its last answer.
reset-halt
start-counting
load
counted 1
