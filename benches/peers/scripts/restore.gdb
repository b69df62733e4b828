# 256 KB into AXI SRAM.
to-appli
start-counting
restore pattern.bin binary 0x24010000
counted 1
