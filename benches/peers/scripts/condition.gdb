# A breakpoint whose condition is false a thousand times: the appli comes by once a millisecond.
to-appli
tbreak work
continue
eval "break appli::mailbox::serve if appli::TICKS == %u", appli::TICKS + $units
start-counting
continue
counted $units
