// What Hopyard adds to JupyterLab 4, beside the outputs that outlive the browser.
//
// A federated extension is an object with `init` (it is given the share scope: the packages that
// JupyterLab itself has loaded) and `get` (it returns a factory of the module that is asked for).
// A bundler usually writes that; these few lines need none.
(function () {
  'use strict';
  const NAME = 'hopyard-lab';
  const WARN_MINUTES = [5, 15];
  const NAME_OF_THEME = 'hopyard-theme';
  const THEME = new URLSearchParams(window.location.search).get(NAME_OF_THEME); // it goes from there
  const ASK_MS = 30_000;
  const ASK_GIT_MS = 60_000;
  let scope = null;

  async function shared(name) {
    const versions = scope && scope[name];
    if (!versions) throw new Error(`JupyterLab shares no ${name}`);
    const factory = await Object.values(versions)[0].get();
    return factory();
  }

  // Asks now, from time to time, and when a laptop wakes up.
  function often(app, look, milliseconds) {
    const again = () => look().catch(error => console.warn(`${NAME}: ${error.message}`));
    app.restored.then(again);
    setInterval(again, milliseconds);
    document.addEventListener('visibilitychange', () => document.hidden || again());
  }

  // Asks the Jupyter server at `hopyard/PLACE`.
  function asker({ coreutils, services }, app, place) {
    const settings = app.serviceManager.serverSettings;
    const url = coreutils.URLExt.join(settings.baseUrl, 'hopyard', place);
    return async method => {
      const answer = await services.ServerConnection.makeRequest(url, { method }, settings);
      const body = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(body.reason || body.message || answer.statusText);
      return body;
    };
  }

  // Help → Launch Classic Notebook.
  const launchClassic = ({ coreutils, mainmenu }) => ({
    id: `${NAME}:classic`,
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

  // A warning 15 and 5 minutes before this server's time is up, with a button for more time.
  const warnOfTime = packages => ({
    id: `${NAME}:time`,
    description: "Warns before the server's time is up.",
    autoStart: true,
    activate: app => {
      const { Notification } = packages.apputils;
      const ask = asker(packages, app, 'time');
      let warned = Infinity; // the least number of minutes that was warned of
      let shown = null;

      const hide = () => {
        if (shown) Notification.dismiss(shown);
        shown = null;
      };
      const extend = async () => {
        try {
          await ask('POST');
          warned = Infinity;
          hide();
          Notification.success('This Jupyter server has six hours more.', { autoClose: 5000 });
        } catch (error) {
          Notification.error(`No more time: ${error.message}`, { autoClose: false });
        }
      };
      const look = async () => {
        const { seconds } = await ask('GET');
        if (seconds === null || seconds > WARN_MINUTES[1] * 60) {
          warned = Infinity;
          hide(); // more time was given elsewhere
          return;
        }
        const due = WARN_MINUTES.find(minutes => seconds <= minutes * 60);
        if (due >= warned) return;
        warned = due;
        hide();
        const minutes = Math.max(1, Math.ceil(seconds / 60));
        const words = minutes === 1 ? 'a minute' : `${minutes} minutes`;
        shown = Notification.warning(
          `This Jupyter server is stopped in ${words}: its time is up then. Save your work.`,
          {
            autoClose: false,
            actions: [{ label: '6 hours more', displayType: 'accent', callback: extend }]
          }
        );
      };
      often(app, look, ASK_MS);
    }
  });

  // What is left to do in Git: a pull that met a conflict, a push that failed, a rescue that waits.
  const tellOfGit = packages => ({
    id: `${NAME}:git`,
    description: 'Tells what is left to do in Git.',
    autoStart: true,
    activate: app => {
      const { apputils, coreutils } = packages;
      const { Notification, Dialog } = apputils;
      if (coreutils.PageConfig.Extension.isDisabled('@jupyterlab/git')) return;
      const ask = asker(packages, app, 'git');
      let known = '';
      let shown = null;
      const open = address => window.open(address, '_blank', 'noopener');
      // A notification has room for 140 letters.
      const details = async said => {
        const done = await apputils.showDialog({
          title: 'Git',
          body: said.text,
          buttons: [
            Dialog.cancelButton({ label: 'Close' }),
            Dialog.okButton({ label: 'Open the Jupyter page' })
          ]
        });
        if (done.button.accept) open(said.address);
      };
      const look = async () => {
        const said = await ask('GET');
        if (said.id === known) return;
        known = said.id;
        if (shown) Notification.dismiss(shown);
        shown = null;
        if (!said.text) return;
        shown = Notification.warning(`Git: ${said.text}`, {
          autoClose: false,
          actions: [
            { label: 'Details', callback: event => {
              event.preventDefault(); // the notification stays
              details(said);
            } },
            { label: 'Jupyter page', displayType: 'link', callback: () => open(said.address) }
          ]
        });
      };
      often(app, look, ASK_GIT_MS);
    }
  });

  // The theme that was chosen on Hopyard's pages, told by the address that Open leads to. A theme that
  // is chosen in JupyterLab afterwards stays.
  const takeTheme = ({ settingregistry }) => ({
    id: `${NAME}:theme`,
    description: "Takes the theme of Hopyard's pages.",
    autoStart: true,
    requires: [settingregistry.ISettingRegistry],
    activate: async (app, registry) => {
      const chosen = THEME;
      if (!['light', 'dark', 'system'].includes(chosen)) return;
      const taken = `${NAME_OF_THEME}-taken`;
      if ((localStorage.getItem(taken) ?? 'system') === chosen) return;
      localStorage.setItem(taken, chosen);
      const themes = '@jupyterlab/apputils-extension:themes';
      await registry.set(themes, 'adaptive-theme', chosen === 'system');
      const name = chosen === 'dark' ? 'JupyterLab Dark' : 'JupyterLab Light';
      if (chosen !== 'system') await registry.set(themes, 'theme', name);
    }
  });

  // A server that ended, or is out of reach. JupyterLab's own question leads to the Hub's start, past
  // the project's page, which knows what happened: a stop in another tab, time that is up, a failure,
  // a member who was removed.
  const tellOfEnd = ({ application, apputils, coreutils }) => ({
    id: `${NAME}:connection-lost`,
    description: 'Says that the server does not answer, and where the reason is.',
    autoStart: true,
    provides: application.IConnectionLost,
    optional: [application.JupyterLab.IInfo],
    activate: (app, info) => {
      const { Dialog } = apputils;
      const option = name => coreutils.PageConfig.getOption(name);
      const address = `${option('hubHost')}/projects/${option('hubServerName')}/jupyter`;
      let shown = false;
      return async () => {
        if (shown) return;
        shown = true;
        if (info) info.isConnected = false; // nothing is asked meanwhile
        const done = await apputils.showDialog({
          title: 'This Jupyter server does not answer',
          body:
            'It has ended, or the network is cut. The project’s page says what happened, and starts ' +
            'it again. What is not saved is still in this tab: leave it open to save it then.',
          buttons: [
            Dialog.cancelButton({ label: 'Close' }),
            Dialog.okButton({ label: 'Open the project’s page' })
          ]
        });
        if (info) info.isConnected = true;
        shown = false;
        if (done.button.accept) window.open(address, '_blank', 'noopener');
      };
    }
  });

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: shareScope => {
      scope = shareScope;
    },
    get: async () => {
      const packages = {
        application: await shared('@jupyterlab/application'),
        apputils: await shared('@jupyterlab/apputils'),
        coreutils: await shared('@jupyterlab/coreutils'),
        mainmenu: await shared('@jupyterlab/mainmenu'),
        services: await shared('@jupyterlab/services'),
        settingregistry: await shared('@jupyterlab/settingregistry')
      };
      const plugins = [launchClassic, warnOfTime, tellOfGit, takeTheme, tellOfEnd].map(plugin => plugin(packages));
      return () => ({ __esModule: true, default: plugins });
    }
  };
})();
