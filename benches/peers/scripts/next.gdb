# One line, over calls, through the main loop and its rounds of work.
to-appli
tbreak work
continue
set $n = 0
start-counting
while $n < $units
  next
  set $n = $n + 1
end
counted $n
