-- does: the branch that completes the profile of a user who became permanent a moment ago
else
    update {profiles} as p
    set {assignments}
    from
        (select {values} from (select new.*) as u) as now_is ({names}),
        (select {values} from (select old.*) as u) as was ({names})
    where p.{key} = new.id and {differs};
