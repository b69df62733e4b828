# A megabyte of the window.
to-appli
start-counting
dump binary memory dump.bin 0x70000000 0x70100000
counted 1
