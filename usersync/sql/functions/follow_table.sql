-- does: keeps columns of one table equal to their source
begin
    update {profiles} as p
    set {assignments}
    from
        (select {values} from (select new.*) as u) as now_is ({followed}),
        (select {values} from (select old.*) as u) as was ({followed})
    where p.{key} = new.id and {differs};
exception when others then
    {on_error}
end;
