'use strict';
(() => {
  const find = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === 'text') element.textContent = value;
      else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  find('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });

  for (const table of document.querySelectorAll('.sortable')) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, column) => head.querySelector('button').addEventListener('click', () => {
      const up = head.getAttribute('aria-sort') === 'descending' || (column === 0
        && head.getAttribute('aria-sort') !== 'ascending');
      heads.forEach((other) => other.setAttribute('aria-sort', 'none'));
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const key = (row) => (column ? Number(row.cells[column].dataset.value)
        : row.cells[0].textContent);
      const rows = [...table.tBodies[0].rows].sort((a, b) => (column ? key(a) - key(b)
        : key(a).localeCompare(key(b))));
      table.tBodies[0].append(...(up ? rows : rows.reverse()));
    }));
  }

  const source = find('data');
  if (!source) return;
  const { classes, colors, images, total } = JSON.parse(source.textContent);
  const PAGE = 24;
  const ORDERS = {
    worst: ['worst first', (a, b) => rank(a) - rank(b)],
    best: ['best first', (a, b) => rank(b, -1) - rank(a, -1)],
    name: ['by name', () => 0],
  };
  const state = { page: 0, shown: [], place: 0, layer: 0 };

  function rank(image, missing = 101) {
    return image.score === null || image.score === undefined ? missing : image.score;
  }

  function fill(select, options) {
    select.append(...options.map(([value, text]) => make('option', { value, text })));
    select.addEventListener('change', () => update(true));
  }

  function count(test) { return images.filter(test).length; }

  function setUp() {
    const sets = [...new Set(images.map((image) => image.set))];
    fill(find('set'), [['', `all (${images.length})`], ...sets.map((set) => [set,
      `${set} (${count((image) => image.set === set)})`])]);
    const used = classes.map((name, label) => [label, name])
      .filter(([label]) => label && images.some((image) => image.classes.includes(label)));
    fill(find('class'), [['', 'any'], ...used.map(([label, name]) => [label,
      `${name} (${count((image) => image.classes.includes(label))})`])]);
    const kinds = [...new Set(images.map((image) => image.kind).filter(Boolean))].sort();
    fill(find('kind'), [['', 'any'], ...kinds.map((kind) => [kind,
      `${kind} (${count((image) => image.kind === kind)})`])]);
    if (!kinds.length) find('kind').parentElement.hidden = true;
    if (sets.length < 2) find('set').parentElement.hidden = true;
    const judged = images.some((image) => typeof image.score === 'number');
    fill(find('order'), Object.entries(ORDERS).filter(([name]) => judged || name === 'name')
      .map(([value, [text]]) => [value, text]));
    find('legend').append(...used.map(([label, name]) => make('button', {
      type: 'button', 'aria-pressed': 'false', 'data-label': label,
      onclick: () => {
        find('class').value = find('class').value === String(label) ? '' : label;
        update(true);
      },
    }, make('i', { class: 'chip', style: `background: ${colors[label]}` }), name)));
    find('name').addEventListener('input', () => update(true));
    find('filters').addEventListener('submit', (event) => event.preventDefault());
  }

  function update(first) {
    if (first) state.page = 0;
    const [set, label, kind] = ['set', 'class', 'kind'].map((id) => find(id).value);
    const part = find('name').value.trim().toLowerCase();
    state.shown = images.filter((image) => (!set || image.set === set)
      && (!label || image.classes.includes(Number(label)))
      && (!kind || image.kind === kind)
      && image.id.toLowerCase().includes(part));
    state.shown.sort(ORDERS[find('order').value][1]);
    for (const chip of find('legend').children) {
      chip.setAttribute('aria-pressed', String(chip.dataset.label === label));
    }
    draw();
  }

  function draw() {
    const start = state.page * PAGE;
    const cards = state.shown.slice(start, start + PAGE);
    find('cards').replaceChildren(...cards.map((image, at) => card(image, start + at)));
    const of = total > images.length ? ` (of ${total}, which were all judged)` : '';
    find('shown').textContent = `${state.shown.length} of ${images.length} images${of}.`;
    const pages = Math.ceil(state.shown.length / PAGE);
    const go = (page) => { state.page = page; draw(); find('images').scrollIntoView(); };
    find('pages').replaceChildren(...(pages < 2 ? [] : [
      make('button', { type: 'button', text: '← before', onclick: () => go(Math.max(0, state.page - 1)) }),
      make('span', { text: `page ${state.page + 1} of ${pages}` }),
      make('button', { type: 'button', text: 'next →', onclick: () => go(Math.min(pages - 1, state.page + 1)) }),
    ]));
  }

  function names(labels) { return labels.map((label) => classes[label]).join(', '); }

  function describe(image) {
    return names(image.label.length ? image.label : image.classes) || 'background only';
  }

  function score(image) { return `${image.measure} ${image.score.toFixed(1)}`; }

  function picture(image, layer) {
    const [height, width] = image.size;
    const photo = make('span', { class: 'photo',
      style: `--ratio: ${width} / ${height}; --aspect: ${width / height}` },
    make('img', { src: image.photo, alt: '' }));
    if (layer) photo.append(make('img', { src: layer.src, alt: '', class: 'layer' }));
    return photo;
  }

  function title(layer) {
    return layer ? layer.name + (layer.run ? ` · ${layer.run}` : '') : 'photograph';
  }

  function card(image, place) {
    const judged = typeof image.score === 'number'
      ? [make('span', { class: 'score', text: score(image) })] : [];
    const verdict = image.kind ? [make('span', { class: image.kind === 'good' ? 'tag' : 'tag bad', text: image.kind }),
      make('span', { class: 'why', text: image.why })] : [];
    const panels = [null, ...image.layers].map((layer, at) => {
      const panel = make('button', { class: 'panel', type: 'button',
        'aria-label': `${image.id}, ${title(layer)}: enlarge`, onclick: () => open(place, at) },
      picture(image, layer), make('small', { text: title(layer) }));
      panel.style.setProperty('--width', `${Math.min(Math.max(image.size[1], 96), 232)}px`);
      return panel;
    });
    return make('article', { class: 'card' },
      make('header', {}, make('b', { text: image.id }), ...judged, make('span', { text: describe(image) }), ...verdict),
      make('div', { class: 'strip' }, ...panels));
  }

  const zoom = find('zoom');

  function open(place, layer) {
    state.place = place;
    state.layer = layer;
    show();
    if (!zoom.open) zoom.showModal();
  }

  function show() {
    const image = state.shown[state.place];
    state.layer = Math.min(state.layer, image.layers.length);
    const layer = state.layer ? image.layers[state.layer - 1] : null;
    find('stage').replaceChildren(picture(image, layer));
    fade();
    find('zoom-title').textContent = `${image.id}: ${describe(image)}`;
    find('zoom-why').textContent = [typeof image.score === 'number' ? score(image) : '', image.why || ''].filter(Boolean).join(' · ');
    find('layers').replaceChildren(...[null, ...image.layers].map((one, at) => make('button', {
      type: 'button', 'aria-pressed': String(at === state.layer), text: `${at < 10 ? `${at} ` : ''}${title(one)}`,
      onclick: () => { state.layer = at; show(); },
    })));
  }

  function fade() {
    const layer = find('stage').querySelector('.layer');
    if (layer) layer.style.opacity = find('opacity').value / 100;
  }

  function step(by) {
    state.place = (state.place + by + state.shown.length) % state.shown.length;
    show();
  }

  find('before').addEventListener('click', () => step(-1));
  find('after').addEventListener('click', () => step(1));
  find('close').addEventListener('click', () => zoom.close());
  find('opacity').addEventListener('input', fade);
  zoom.addEventListener('click', (event) => { if (event.target === zoom) zoom.close(); });
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /INPUT|SELECT|TEXTAREA/.test(event.target.tagName);
    if (zoom.open && event.target.type !== 'range') {
      if (event.key === 'ArrowLeft') step(-1);
      else if (event.key === 'ArrowRight') step(1);
      else if (/^\d$/.test(event.key)) { state.layer = Number(event.key); show(); }
    } else if (!zoom.open && event.key === '/' && !typing) {
      event.preventDefault();
      find('name').focus();
    }
  });

  setUp();
  update(true);
})();
