# The build-and-debug loop: the board holds the appli before one of its functions was changed. Everything counts.
reset-halt
load
to-appli
counted 1
