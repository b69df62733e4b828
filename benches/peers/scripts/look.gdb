# A stop deep in a recursion, and what an IDE asks there. The appli's mailbox calls `recurse`.
to-appli
tbreak work
continue
set language c
set var *(unsigned *)((char *)&MAILBOX + 8) = 10
set var *(unsigned *)((char *)&MAILBOX + 4) = 21
set language rust
break appli::faults::recurse
set $depth = 0
while $depth < 10
  continue
  set $depth = $depth + 1
end
start-counting
continue
info all-registers
backtrace 10
info locals
up
info locals
up
info locals
x/64xw $sp
x/64xw $pc
x/64xw 0x20000000
x/64xw 0x2000fe00
x/64xw 0x24000000
x/64xw 0x30000000
x/64xw 0x70000000
x/64xw 0x70002000
counted 1
