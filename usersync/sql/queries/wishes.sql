-- asks: which users of a plan want the same text where no two may have it, and which numbers are free
-- returns: one row per text: its users with their position, and the first {spare} free numbers more
--   than are needed, each with a mark per unique index that stands for all it holds to be the same
-- cost: an anti-join, and an index probe per text and number; ACCESS SHARE locks only
select w.column_name, w.wanted, w.users, w.room, w.free
from {wishes} as w;
