# AXI SRAM, as much as there is: 456 KB.
to-appli
start-counting
dump binary memory dump.bin 0x24000000 0x24072000
counted 1
