// Help → Launch Classic Notebook, for JupyterLab 4.
//
// A federated extension is an object with `init` (it is given the share scope: the packages that
// JupyterLab itself has loaded) and `get` (it returns a factory of the module that is asked for).
// A bundler usually writes that; these few lines need none.
(function () {
  'use strict';
  const NAME = 'hopyard-classic';
  let scope = null;

  async function shared(name) {
    const versions = scope && scope[name];
    if (!versions) throw new Error(`JupyterLab shares no ${name}`);
    const factory = await Object.values(versions)[0].get();
    return factory();
  }

  const plugin = coreutils => mainmenu => ({
    id: `${NAME}:launch`,
    description: 'Adds Help → Launch Classic Notebook.',
    autoStart: true,
    optional: [mainmenu.IMainMenu],
    activate: (app, menu) => {
      const command = 'hopyard:launch-classic-notebook';
      app.commands.addCommand(command, {
        label: 'Launch Classic Notebook',
        caption: 'Open the Classic Notebook in a new tab',
        execute: () => {
          const base = coreutils.PageConfig.getBaseUrl();
          window.open(coreutils.URLExt.join(base, 'nbclassic/tree'), '_blank', 'noopener');
        }
      });
      if (menu) menu.helpMenu.addGroup([{ command }], 5);
    }
  });

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: shareScope => {
      scope = shareScope;
    },
    get: async () => {
      const coreutils = await shared('@jupyterlab/coreutils');
      const mainmenu = await shared('@jupyterlab/mainmenu');
      const exported = { __esModule: true, default: plugin(coreutils)(mainmenu) };
      return () => exported;
    }
  };
})();
