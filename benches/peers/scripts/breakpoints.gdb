# GDB takes its breakpoints out at every stop and puts them in at every resume. One is hit each millisecond, five are not.
to-appli
tbreak work
continue
break appli::mailbox::serve
break appli::faults::divide_by_zero
break appli::faults::unaligned
break appli::faults::recurse
break appli::faults::stack_overflow
break appli::faults::no_coprocessor
continue
set $n = 0
start-counting
while $n < $units
  continue
  set $n = $n + 1
end
counted $n
