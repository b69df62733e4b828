# The target runs, GDB waits.
to-appli
continue &
start-counting
stay-idle
counted 1
