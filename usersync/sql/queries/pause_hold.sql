-- does: holds a function's row in the catalog to the end of the transaction and changes nothing:
--   whoever replaces it at the same time waits, and then fails instead of being overwritten; the
--   setting is one that no function has, and what is read afterwards is compared all the same
alter function {function} reset geqo_seed;
