"""What both bots share: their answers, how messages become them, and the few words the client adds."""
