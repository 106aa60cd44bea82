-- citext in shape: text, and capitals count.

create domain citext as text;
