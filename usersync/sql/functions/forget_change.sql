-- does: takes a change that was undone out of the ledger, where the ledger still stands
begin
    if to_regclass({ledger_text}) is not null then
        delete from {ours}.ledger as l where l.change = {change};
    end if;
end
