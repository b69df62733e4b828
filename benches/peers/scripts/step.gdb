# One instruction, the stop, and what GDB shows of it; over and over.
to-appli
tbreak main
continue
set $n = 0
start-counting
while $n < $units
  stepi
  set $n = $n + 1
end
counted $n
