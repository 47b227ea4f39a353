(() => {
  'use strict';
  const root = document.documentElement;
  const make = (name, properties) => Object.assign(document.createElement(name), properties);

  // Light, dark, or as the system has it; remembered where a page may remember.
  const remembered = () => { try { return localStorage.getItem('theme'); } catch { return null; } };
  const remember = theme => { try { localStorage.setItem('theme', theme); } catch { /* it may not */ } };
  const themes = ['auto', 'light', 'dark'];
  const button = make('button', { type: 'button', className: 'theme' });
  const show = theme => {
    if (theme === 'auto') delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = 'Theme: ' + theme;
  };
  button.onclick = () => {
    const next = themes[(themes.indexOf(root.dataset.theme || 'auto') + 1) % themes.length];
    remember(next);
    show(next);
  };
  show(themes.includes(remembered()) ? remembered() : 'auto');
  document.querySelector('header.top').append(button);

  // The time that has passed when the page is read.
  const units = [[525600, 'year'], [43200, 'month'], [1440, 'day'], [60, 'hour'], [1, 'minute']];
  for (const time of document.querySelectorAll('time.ago')) {
    const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    const unit = units.find(([length, word]) => minutes >= length && (word !== 'month' || minutes >= 86400));
    const count = unit && Math.floor(minutes / unit[0]);
    time.textContent = unit ? `${count} ${unit[1]}${count === 1 ? '' : 's'} ago` : 'just now';
  }

  // A value to sort by; null stands last.
  const value = (cell, kind) => {
    if (cell.classList.contains('none')) return null;
    if (kind !== 'num') return cell.textContent;
    const number = (cell.dataset.value || cell.textContent).replaceAll(',', '');
    return { text: number, number: Number(number) };
  };
  const words = new Intl.Collator(undefined, { numeric: true });
  const compare = (one, other, kind) => {
    if (kind === 'time') return one < other ? -1 : one > other ? 1 : 0;
    if (kind !== 'num') return words.compare(one, other);
    // Digits beyond those of a number decide where numbers are equal.
    return one.number - other.number || words.compare(one.text, other.text) * (one.number < 0 ? -1 : 1) || 0;
  };

  for (const table of document.querySelectorAll('table.data')) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const sort = (column, direction) => {
      const kind = heads[column].dataset.kind;
      const keyed = rows.map((row, place) => [row, value(row.cells[column], kind), place]);
      if (direction) keyed.sort(([, one, a], [, other, b]) =>
        one === null || other === null
          ? (one === null) - (other === null) || a - b
          : direction * compare(one, other, kind) || a - b);
      body.append(...keyed.map(([row]) => row));
      heads.forEach((head, place) => {
        if (place === column && direction) head.ariaSort = direction > 0 ? 'ascending' : 'descending';
        else head.removeAttribute('aria-sort');
      });
    };
    heads.forEach((head, column) => {
      const button = make('button', { type: 'button', textContent: head.textContent, title: 'sort' });
      button.onclick = () => {
        const now = head.getAttribute('aria-sort');
        // Up, down, and as it was.
        sort(column, now === 'ascending' ? -1 : now === 'descending' ? 0 : 1);
      };
      head.replaceChildren(button);
    });

    if ('search' in table.dataset) {
      const search = make('input', { type: 'search', placeholder: 'Search these rows', className: 'search' });
      search.setAttribute('aria-label', 'Search these rows');
      const count = make('span', { className: 'count', ariaLive: 'polite' });
      const bar = make('div', { className: 'bar' });
      bar.append(search, count);
      table.parentElement.before(bar);
      search.oninput = () => {
        const wanted = search.value.toLowerCase();
        let found = 0;
        for (const row of rows) {
          const holds = [...row.cells].some(cell => cell.textContent.toLowerCase().includes(wanted));
          row.hidden = !holds;
          found += holds;
        }
        count.textContent = wanted ? `${found.toLocaleString('en')} of ${rows.length.toLocaleString('en')}` : '';
      };
    }
  }
})();
