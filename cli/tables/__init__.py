"""Documents as tables on the terminal. In: a result's document and a console. Stays outside: options, calculations."""
