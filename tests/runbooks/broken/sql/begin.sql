-- does: x
begin;
update t set a = 1;
commit;
