-- does: keeps columns of one table equal to their source
begin
    update {profiles} as p
    set {assignments}
    from
        (select {values} from (select new.*) as u) as now_is ({names}),
        (select {values} from (select old.*) as u) as was ({names})
    where p.{key} = new.id and {differs};
exception when others or assert_failure then
    {on_error}
end;
