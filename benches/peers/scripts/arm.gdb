# Everything since the server was started counts.
to-appli
counted 1
