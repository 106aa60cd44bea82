-- does: puts a number behind a text, which is cut where it would become too long; 1 means none
case when {number} = 1 then {value} else {cut} || '_' || ({number})::text end
