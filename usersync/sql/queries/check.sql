-- asks: what one check found: the first rows, how many there are and how many are accepted
-- returns: one row a finding, at most {list_length}; a finding may be accepted by a short id
select
    finding.subject,
    finding.detail,
    count(*) over () as findings,
    count(*) filter (where exists (
        select from unnest({accepted}) as accepted (subject)
        where starts_with(finding.subject, accepted.subject)
    )) over () as accepted
from (
    {check}
) as finding
limit {list_length};
